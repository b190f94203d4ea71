/**
 * PJRT's C API as data: each function's place in the plugin's table and the layout of its argument struct, then the
 * structs that arguments point to. Source: xla/pjrt/c/pjrt_c_api.h, API 0.114; offsets by gcc's offsetof on
 * x86-64 (tests/golden/pjrt_layouts.ts). Nothing has moved since 0.81; structs grow at their ends.
 */

/** The type of a field: an address, a 64-bit number (size_t, int64_t), an int or enum, a float, or a bool. */
export type Kind = "pointer" | "int64" | "int32" | "float" | "bool";

/** A struct: its size (the end of its last field, as PJRT counts) and its fields' offsets by name. */
export interface Layout {
  /** Bytes up to the end of the last field. */
  readonly size: number;
  /** Offset and kind of each field, by the header's names. */
  readonly fields: Readonly<Record<string, readonly [offset: number, kind: Kind]>>;
}

/** The API version whose header the table was taken from, and the oldest one that has the same layouts. */
export const newestKnown = 114, oldestAccepted = 81;

/** Functions: slot in the table of function pointers (after 40 bytes, 8 bytes each) and argument struct. */
export const functions = {
  Error_Destroy: { slot: 0, size: 24, fields: { error: [16, "pointer"] } },
  Error_Message: {
    slot: 1,
    size: 40,
    fields: { error: [16, "pointer"], message: [24, "pointer"], message_size: [32, "int64"] },
  },
  Error_GetCode: { slot: 2, size: 28, fields: { error: [16, "pointer"], code: [24, "int32"] } },
  Plugin_Initialize: { slot: 3, size: 16, fields: {} },
  Plugin_Attributes: {
    slot: 4,
    size: 32,
    fields: { attributes: [16, "pointer"], num_attributes: [24, "int64"] },
  },
  Event_Destroy: { slot: 5, size: 24, fields: { event: [16, "pointer"] } },
  Event_Await: { slot: 8, size: 24, fields: { event: [16, "pointer"] } },
  Client_Create: {
    slot: 10,
    size: 88,
    fields: { create_options: [16, "pointer"], num_options: [24, "int64"], client: [64, "pointer"] },
  },
  Client_PlatformName: {
    slot: 12,
    size: 40,
    fields: { client: [16, "pointer"], platform_name: [24, "pointer"], platform_name_size: [32, "int64"] },
  },
  Client_PlatformVersion: {
    slot: 14,
    size: 40,
    fields: {
      client: [16, "pointer"],
      platform_version: [24, "pointer"],
      platform_version_size: [32, "int64"],
    },
  },
  Client_AddressableDevices: {
    slot: 16,
    size: 40,
    fields: {
      client: [16, "pointer"],
      addressable_devices: [24, "pointer"],
      num_addressable_devices: [32, "int64"],
    },
  },
  Client_Compile: {
    slot: 20,
    size: 56,
    fields: {
      client: [16, "pointer"],
      program: [24, "pointer"],
      compile_options: [32, "pointer"],
      compile_options_size: [40, "int64"],
      executable: [48, "pointer"],
    },
  },
  Client_BufferFromHostBuffer: {
    slot: 22,
    size: 120,
    fields: {
      client: [16, "pointer"],
      data: [24, "pointer"],
      type: [32, "int32"],
      dims: [40, "pointer"],
      num_dims: [48, "int64"],
      host_buffer_semantics: [72, "int32"],
      device: [80, "pointer"],
      done_with_host_buffer: [104, "pointer"],
      buffer: [112, "pointer"],
    },
  },
  DeviceDescription_Kind: {
    slot: 26,
    size: 40,
    fields: {
      device_description: [16, "pointer"],
      device_kind: [24, "pointer"],
      device_kind_size: [32, "int64"],
    },
  },
  Device_GetDescription: {
    slot: 29,
    size: 32,
    fields: { device: [16, "pointer"], device_description: [24, "pointer"] },
  },
  Device_MemoryStats: {
    slot: 34,
    size: 201,
    fields: {
      device: [16, "pointer"],
      bytes_in_use: [24, "int64"],
      peak_bytes_in_use: [32, "int64"],
      peak_bytes_in_use_is_set: [40, "bool"],
      largest_alloc_size: [64, "int64"],
      largest_alloc_size_is_set: [72, "bool"],
      bytes_limit: [80, "int64"],
      bytes_limit_is_set: [88, "bool"],
      largest_free_block_bytes: [144, "int64"],
      largest_free_block_bytes_is_set: [152, "bool"],
    },
  },
  Executable_Destroy: { slot: 40, size: 24, fields: { executable: [16, "pointer"] } },
  Executable_NumOutputs: {
    slot: 44,
    size: 32,
    fields: { executable: [16, "pointer"], num_outputs: [24, "int64"] },
  },
  Executable_OptimizedProgram: {
    slot: 48,
    size: 32,
    fields: { executable: [16, "pointer"], program: [24, "pointer"] },
  },
  Executable_Serialize: {
    slot: 49,
    size: 56,
    fields: {
      executable: [16, "pointer"],
      serialized_bytes: [24, "pointer"],
      serialized_bytes_size: [32, "int64"],
      serialized_executable: [40, "pointer"],
      serialized_executable_deleter: [48, "pointer"],
    },
  },
  LoadedExecutable_Destroy: { slot: 50, size: 24, fields: { executable: [16, "pointer"] } },
  LoadedExecutable_GetExecutable: {
    slot: 51,
    size: 32,
    fields: { loaded_executable: [16, "pointer"], executable: [24, "pointer"] },
  },
  LoadedExecutable_Execute: {
    slot: 55,
    size: 80,
    fields: {
      executable: [16, "pointer"],
      options: [24, "pointer"],
      argument_lists: [32, "pointer"],
      num_devices: [40, "int64"],
      num_args: [48, "int64"],
      output_lists: [56, "pointer"],
      device_complete_events: [64, "pointer"],
      execute_device: [72, "pointer"],
    },
  },
  Executable_DeserializeAndLoad: {
    slot: 56,
    size: 72,
    fields: {
      client: [16, "pointer"],
      serialized_executable: [24, "pointer"],
      serialized_executable_size: [32, "int64"],
      loaded_executable: [40, "pointer"],
    },
  },
  Buffer_Destroy: { slot: 58, size: 24, fields: { buffer: [16, "pointer"] } },
  Buffer_ElementType: { slot: 59, size: 28, fields: { buffer: [16, "pointer"], type: [24, "int32"] } },
  Buffer_Dimensions: {
    slot: 60,
    size: 40,
    fields: { buffer: [16, "pointer"], dims: [24, "pointer"], num_dims: [32, "int64"] },
  },
  Buffer_IsDeleted: { slot: 68, size: 25, fields: { buffer: [16, "pointer"], is_deleted: [24, "bool"] } },
  Buffer_ToHostBuffer: {
    slot: 70,
    size: 56,
    fields: {
      src: [16, "pointer"],
      host_layout: [24, "pointer"],
      dst: [32, "pointer"],
      dst_size: [40, "int64"],
      event: [48, "pointer"],
    },
  },
  TopologyDescription_Create: {
    slot: 82,
    size: 56,
    fields: {
      topology_name: [16, "pointer"],
      topology_name_size: [24, "int64"],
      create_options: [32, "pointer"],
      num_options: [40, "int64"],
      topology: [48, "pointer"],
    },
  },
  TopologyDescription_Destroy: { slot: 83, size: 24, fields: { topology: [16, "pointer"] } },
  Compile: {
    slot: 89,
    size: 64,
    fields: {
      topology: [16, "pointer"],
      program: [24, "pointer"],
      compile_options: [32, "pointer"],
      compile_options_size: [40, "int64"],
      client: [48, "pointer"],
      executable: [56, "pointer"],
    },
  },
  Executable_GetCompiledMemoryStats: {
    slot: 96,
    size: 144,
    fields: {
      executable: [16, "pointer"],
      generated_code_size_in_bytes: [24, "int64"],
      argument_size_in_bytes: [32, "int64"],
      output_size_in_bytes: [40, "int64"],
      alias_size_in_bytes: [48, "int64"],
      temp_size_in_bytes: [56, "int64"],
      peak_memory_in_bytes: [104, "int64"],
    },
  },
} as const satisfies Record<string, Layout & { slot: number }>;

/** Structs that arguments point to. */
export const structs = {
  /** The value is a union. */
  NamedValue: {
    size: 56,
    fields: {
      name: [16, "pointer"],
      name_size: [24, "int64"],
      type: [32, "int32"],
      string_value: [40, "pointer"],
      int64_value: [40, "int64"],
      float_value: [40, "float"],
      bool_value: [40, "bool"],
      value_size: [48, "int64"],
    },
  },
  Program: {
    size: 48,
    fields: {
      code: [16, "pointer"],
      code_size: [24, "int64"],
      format: [32, "pointer"],
      format_size: [40, "int64"],
    },
  },
  ExecuteOptions: { size: 144, fields: {} },
  /** It holds a whole PJRT_Buffer_MemoryLayout_Tiled, from byte 16 on. */
  Buffer_MemoryLayout: {
    size: 76,
    fields: {
      tiled_struct_size: [16, "int64"],
      minor_to_major: [32, "pointer"],
      minor_to_major_size: [40, "int64"],
      type: [72, "int32"],
    },
  },
} as const satisfies Record<string, Layout>;
