/** Budgets of time as people write them. */
import { InputError } from "../errors.ts";

const units = { s: 1, m: 60, min: 60, h: 3600 } as const;

/** Returns the seconds of a time such as 90s, 30m or 1.5h. @throws InputError naming what it is given for. */
export function budgetSeconds(time: string, name: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*(s|m|min|h)$/.exec(time) ?? [];
  const seconds = number === undefined ? 0 : Number(number) * units[unit as keyof typeof units];
  if (seconds > 0) return seconds;
  throw new InputError(`Cannot use ${name} ${time}: expected a time such as 90s, 30m or 2h`);
}
