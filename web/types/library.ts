// Holds the library's hand-written types against its code: this file compiles
// only while each fits the other.

import type * as Declared from '../static/sori.js';
import type { Sori as Made } from '../static/sori/client.js';
import type { SoriError as MadeError } from '../static/sori/events.js';

type Public<T> = { [K in keyof T]: T[K] };
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

export const everyMember: Same<keyof Made, keyof Declared.Sori | 'emit'> = true;
export const aSori: (made: Made) => Public<Declared.Sori> = (made) => made;
export const anError: (made: MadeError) => Public<Declared.SoriError> = (made) => made;
export const construct: Same<ConstructorParameters<typeof Made>, ConstructorParameters<typeof Declared.Sori>> = true;
