/**
 * PJRT's C API as data: each function's place in the plugin's table and the layout of its argument struct, then the
 * structs that arguments point to. Source: xla/pjrt/c/pjrt_c_api.h, API 0.114; offsets by gcc's offsetof on
 * x86-64 (tests/golden/make_pjrt_layouts.py). Nothing has moved since 0.81; structs grow at their ends.
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

/** Returns a function's slot in the table, and its argument struct with the fields that are used here. */
function args<const Fields extends Layout["fields"]>(slot: number, size: number, fields: Fields) {
  return { slot, size, fields };
}

function struct<const Fields extends Layout["fields"]>(size: number, fields: Fields) {
  return { size, fields };
}

/** Functions: slot in the table of function pointers (after 40 bytes, 8 bytes each) and argument struct. */
export const functions = {
  Error_Destroy: args(0, 24, { error: [16, "pointer"] }),
  Error_Message: args(1, 40, {
    error: [16, "pointer"],
    message: [24, "pointer"],
    message_size: [32, "int64"],
  }),
  Error_GetCode: args(2, 28, { error: [16, "pointer"], code: [24, "int32"] }),
  Plugin_Initialize: args(3, 16, {}),
  Plugin_Attributes: args(4, 32, { attributes: [16, "pointer"], num_attributes: [24, "int64"] }),
  Event_Destroy: args(5, 24, { event: [16, "pointer"] }),
  Event_IsReady: args(6, 25, { event: [16, "pointer"], is_ready: [24, "bool"] }),
  Event_Await: args(8, 24, { event: [16, "pointer"] }),
  Client_Create: args(10, 88, {
    create_options: [16, "pointer"],
    num_options: [24, "int64"],
    client: [64, "pointer"],
  }),
  Client_PlatformName: args(12, 40, {
    client: [16, "pointer"],
    platform_name: [24, "pointer"],
    platform_name_size: [32, "int64"],
  }),
  Client_PlatformVersion: args(14, 40, {
    client: [16, "pointer"],
    platform_version: [24, "pointer"],
    platform_version_size: [32, "int64"],
  }),
  Client_AddressableDevices: args(16, 40, {
    client: [16, "pointer"],
    addressable_devices: [24, "pointer"],
    num_addressable_devices: [32, "int64"],
  }),
  Client_Compile: args(20, 56, {
    client: [16, "pointer"],
    program: [24, "pointer"],
    compile_options: [32, "pointer"],
    compile_options_size: [40, "int64"],
    executable: [48, "pointer"],
  }),
  Client_BufferFromHostBuffer: args(22, 120, {
    client: [16, "pointer"],
    data: [24, "pointer"],
    type: [32, "int32"],
    dims: [40, "pointer"],
    num_dims: [48, "int64"],
    host_buffer_semantics: [72, "int32"],
    device: [80, "pointer"],
    done_with_host_buffer: [104, "pointer"],
    buffer: [112, "pointer"],
  }),
  DeviceDescription_Kind: args(26, 40, {
    device_description: [16, "pointer"],
    device_kind: [24, "pointer"],
    device_kind_size: [32, "int64"],
  }),
  Device_GetDescription: args(29, 32, { device: [16, "pointer"], device_description: [24, "pointer"] }),
  Device_MemoryStats: args(34, 201, {
    device: [16, "pointer"],
    bytes_in_use: [24, "int64"],
    peak_bytes_in_use: [32, "int64"],
    peak_bytes_in_use_is_set: [40, "bool"],
    bytes_limit: [80, "int64"],
    bytes_limit_is_set: [88, "bool"],
    largest_free_block_bytes: [144, "int64"],
    largest_free_block_bytes_is_set: [152, "bool"],
  }),
  Executable_Destroy: args(40, 24, { executable: [16, "pointer"] }),
  Executable_NumOutputs: args(44, 32, { executable: [16, "pointer"], num_outputs: [24, "int64"] }),
  Executable_OptimizedProgram: args(48, 32, { executable: [16, "pointer"], program: [24, "pointer"] }),
  Executable_Serialize: args(49, 56, {
    executable: [16, "pointer"],
    serialized_bytes: [24, "pointer"],
    serialized_bytes_size: [32, "int64"],
    serialized_executable: [40, "pointer"],
    serialized_executable_deleter: [48, "pointer"],
  }),
  LoadedExecutable_Destroy: args(50, 24, { executable: [16, "pointer"] }),
  LoadedExecutable_GetExecutable: args(51, 32, {
    loaded_executable: [16, "pointer"],
    executable: [24, "pointer"],
  }),
  LoadedExecutable_Execute: args(55, 80, {
    executable: [16, "pointer"],
    options: [24, "pointer"],
    argument_lists: [32, "pointer"],
    num_devices: [40, "int64"],
    num_args: [48, "int64"],
    output_lists: [56, "pointer"],
    device_complete_events: [64, "pointer"],
  }),
  Executable_DeserializeAndLoad: args(56, 72, {
    client: [16, "pointer"],
    serialized_executable: [24, "pointer"],
    serialized_executable_size: [32, "int64"],
    loaded_executable: [40, "pointer"],
  }),
  Buffer_Destroy: args(58, 24, { buffer: [16, "pointer"] }),
  Buffer_ElementType: args(59, 28, { buffer: [16, "pointer"], type: [24, "int32"] }),
  Buffer_Dimensions: args(60, 40, {
    buffer: [16, "pointer"],
    dims: [24, "pointer"],
    num_dims: [32, "int64"],
  }),
  Buffer_IsDeleted: args(68, 25, { buffer: [16, "pointer"], is_deleted: [24, "bool"] }),
  Buffer_ToHostBuffer: args(70, 56, {
    src: [16, "pointer"],
    host_layout: [24, "pointer"],
    dst: [32, "pointer"],
    dst_size: [40, "int64"],
    event: [48, "pointer"],
  }),
  TopologyDescription_Create: args(82, 56, {
    create_options: [32, "pointer"],
    num_options: [40, "int64"],
    topology: [48, "pointer"],
  }),
  TopologyDescription_Destroy: args(83, 24, { topology: [16, "pointer"] }),
  Compile: args(89, 64, {
    topology: [16, "pointer"],
    program: [24, "pointer"],
    compile_options: [32, "pointer"],
    compile_options_size: [40, "int64"],
    client: [48, "pointer"],
    executable: [56, "pointer"],
  }),
  Executable_GetCompiledMemoryStats: args(96, 144, {
    executable: [16, "pointer"],
    generated_code_size_in_bytes: [24, "int64"],
    argument_size_in_bytes: [32, "int64"],
    output_size_in_bytes: [40, "int64"],
    alias_size_in_bytes: [48, "int64"],
    temp_size_in_bytes: [56, "int64"],
    peak_memory_in_bytes: [104, "int64"],
  }),
} satisfies Record<string, Layout & { slot: number }>;

/** Structs that arguments point to. */
export const structs = {
  /** The value is a union. */
  NamedValue: struct(56, {
    name: [16, "pointer"],
    name_size: [24, "int64"],
    type: [32, "int32"],
    string_value: [40, "pointer"],
    int64_value: [40, "int64"],
    float_value: [40, "float"],
    bool_value: [40, "bool"],
    value_size: [48, "int64"],
  }),
  Program: struct(48, {
    code: [16, "pointer"],
    code_size: [24, "int64"],
    format: [32, "pointer"],
    format_size: [40, "int64"],
  }),
  ExecuteOptions: struct(144, {}),
  /** It holds a whole PJRT_Buffer_MemoryLayout_Tiled, from byte 16 on. */
  Buffer_MemoryLayout: struct(76, {
    tiled_struct_size: [16, "int64"],
    minor_to_major: [32, "pointer"],
    minor_to_major_size: [40, "int64"],
    type: [72, "int32"],
  }),
} satisfies Record<string, Layout>;
