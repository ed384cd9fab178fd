/** The variables of one template while it is compiled, each with a slot of its own in the frame. Slot 0 is `$`. */
export class Scope {
  readonly #declared: string[] = ['$'];
  /** The slots of each name, the innermost last. */
  readonly #slots = new Map<string, number[]>([['$', [0]]]);
  #size = 1;

  /** Slots that a frame needs. */
  get size(): number {
    return this.#size;
  }

  declare(name: string): number {
    const slot = this.#size++;
    this.#declared.push(name);
    const slots = this.#slots.get(name);
    if (slots === undefined) this.#slots.set(name, [slot]);
    else slots.push(slot);
    return slot;
  }

  /** The innermost slot of a name. */
  slotOf(name: string): number | undefined {
    return this.#slots.get(name)?.at(-1);
  }

  /** The slot that the name has outside of its innermost declaration, which may be passed over when the template runs. */
  outerSlotOf(name: string): number | undefined {
    return this.#slots.get(name)?.at(-2);
  }

  mark(): number {
    return this.#declared.length;
  }

  /** Forgets what was declared since the mark. */
  pop(mark: number): void {
    while (this.#declared.length > mark) this.#slots.get(this.#declared.pop() ?? '')?.pop();
  }
}
