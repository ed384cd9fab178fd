/** The variables of one template while it is compiled, each with a slot of its own in the frame. Slot 0 is `$`. */
export class Scope {
  readonly #declared: { readonly name: string; readonly slot: number }[] = [{ name: '$', slot: 0 }];
  #size = 1;

  /** Slots that a frame needs. */
  get size(): number {
    return this.#size;
  }

  declare(name: string): number {
    const slot = this.#size++;
    this.#declared.push({ name, slot });
    return slot;
  }

  /** The slots of a name, the innermost first: an inner one may be passed over when the template runs. */
  slotsOf(name: string): readonly number[] {
    return this.#declared
      .filter((variable) => variable.name === name)
      .map(({ slot }) => slot)
      .reverse();
  }

  mark(): number {
    return this.#declared.length;
  }

  /** Forgets what was declared since the mark. */
  pop(mark: number): void {
    this.#declared.length = mark;
  }
}
