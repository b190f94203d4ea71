/** PJRT_NamedValue: options given to a plugin, and attributes read from it. */
import { structs } from "./layouts.ts";
import { type Address, holding, Struct, textAt, utf8, wordsAt } from "./memory.ts";

/** Options by the plugin's own names; whole numbers become int64, other numbers float. */
export type Options = Readonly<Record<string, string | number | boolean>>;

/** The values of PJRT_NamedValue_Type. */
const kinds = { string: 0, int64: 1, int64List: 2, float: 3, boolean: 4 } as const;

/** Packs options into an array of structs. */
export function packOptions(options: Options): { bytes: Uint8Array<ArrayBuffer>; count: number } {
  const packed = Object.entries(options).map(([key, value]) => packOption(key, value));
  const { size } = structs.NamedValue;
  const bytes = new Uint8Array(packed.length * size);
  packed.forEach((struct, i) => bytes.set(struct.bytes, i * size));
  return { bytes: holding(bytes, packed), count: packed.length };
}

function packOption(key: string, value: string | number | boolean): Struct<typeof structs.NamedValue> {
  const name = utf8(key);
  const common = { name, name_size: name.length, value_size: 1 };
  if (typeof value === "string") {
    const text = utf8(value);
    const given = { ...common, type: kinds.string, string_value: text, value_size: text.length };
    return new Struct(structs.NamedValue, given);
  }
  if (typeof value === "boolean") {
    return new Struct(structs.NamedValue, { ...common, type: kinds.boolean, bool_value: value });
  }
  if (Number.isInteger(value)) {
    return new Struct(structs.NamedValue, { ...common, type: kinds.int64, int64_value: value });
  }
  return new Struct(structs.NamedValue, { ...common, type: kinds.float, float_value: value });
}

/** Reads attributes by name: a text, a number, or numbers joined by dots, such as a version. */
export function readAttributes(address: Address, count: number): Map<string, string> {
  const { size } = structs.NamedValue;
  const attributes = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    const at = address + BigInt(i * size);
    const { name, name_size, ...value } = Struct.read(structs.NamedValue, at);
    attributes.set(textAt(name, name_size), valueText(value));
  }
  return attributes;
}

type NamedValue = Omit<ReturnType<Struct<typeof structs.NamedValue>["values"]>, "name" | "name_size">;

function valueText(
  { type, string_value: address, int64_value, bool_value, float_value, value_size }: NamedValue,
): string {
  switch (type) {
    case kinds.string:
      return textAt(address, value_size);
    case kinds.int64List:
      return wordsAt(address, value_size).join(".");
    case kinds.float:
      return `${float_value}`;
    case kinds.boolean:
      return `${bool_value}`;
    default:
      return `${int64_value}`;
  }
}
