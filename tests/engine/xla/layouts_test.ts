import { deepStrictEqual } from "node:assert/strict";
import { functions, type Layout, newestKnown, structs } from "../../../lib/engine/xla/layouts.ts";
import golden from "../../golden/pjrt_layouts.json" with { type: "json" };

type Found = { size: number; fields: Record<string, number> };
const slots: Record<string, number> = golden.slots;
const compiled: Record<string, Found> = golden.structs;

/** Returns a layout in the compiler's words; a field of a struct inside is found by that struct's own offset. */
function told({ size, fields }: Layout): Found {
  return {
    size,
    fields: Object.fromEntries(Object.entries(fields).map(([name, [offset]]) => [name, offset])),
  };
}

/** The compiler's layout, with those fields only. */
function expected(name: string, { fields }: Layout): Found {
  const { size, fields: offsets } = compiled[name]!;
  return { size, fields: Object.fromEntries(Object.keys(fields).map((field) => [field, offsets[field]!])) };
}

Deno.test("slots and argument structs are those that a C compiler makes of the header", () => {
  deepStrictEqual(newestKnown, golden.api);
  for (const [name, layout] of Object.entries<Layout & { slot: number }>(functions)) {
    deepStrictEqual(layout.slot, slots[`PJRT_${name}`], name);
    // Compile and TopologyDescription_Create have an Args struct like all others.
    deepStrictEqual(told(layout), expected(`PJRT_${name}_Args`, layout), name);
  }
});

Deno.test("so are the structs that arguments point to", () => {
  const { Buffer_MemoryLayout: memoryLayout, ...plain } = structs;
  for (const [name, layout] of Object.entries<Layout>(plain)) {
    deepStrictEqual(told(layout), expected(`PJRT_${name}`, layout), name);
  }
  const outer = compiled.PJRT_Buffer_MemoryLayout!;
  const inner = compiled.PJRT_Buffer_MemoryLayout_Tiled!;
  const at = (field: string) => outer.fields.tiled! + inner.fields[field]!;
  deepStrictEqual(told(memoryLayout), {
    size: outer.size,
    fields: {
      tiled_struct_size: at("struct_size"),
      minor_to_major: at("minor_to_major"),
      minor_to_major_size: at("minor_to_major_size"),
      type: outer.fields.type!,
    },
  });
});
