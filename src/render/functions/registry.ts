import { dataFunctions } from './data.js';
import { environmentFunctions } from './environment.js';
import { hashFunctions } from './hashes.js';
import { logicFunctions } from './logic.js';
import { networkFunctions } from './network.js';
import { numberFunctions } from './numbers.js';
import { orderFunctions } from './order.js';
import { parsingFunctions } from './parsing.js';
import { pathFunctions } from './paths.js';
import { printFunctions } from './print.js';
import { regexFunctions } from './regex.js';
import { storeFunctions } from './store.js';
import { stringFunctions } from './strings.js';
import { timeFunctions } from './time.js';
import { treeFunctions } from './trees.js';
import type { TemplateFunction } from './types.js';

/** Every function of both engines, by the names of confd, its active fork and consul-template. */
export const functions: ReadonlyMap<string, TemplateFunction> = new Map(
  [
    ...storeFunctions,
    ...stringFunctions,
    ...numberFunctions,
    ...dataFunctions,
    ...orderFunctions,
    ...timeFunctions,
    ...networkFunctions,
    ...pathFunctions,
    ...environmentFunctions,
    ...printFunctions,
    ...logicFunctions,
    ...hashFunctions,
    ...parsingFunctions,
    ...regexFunctions,
    ...treeFunctions,
  ].map((entry) => [entry.name, entry]),
);
