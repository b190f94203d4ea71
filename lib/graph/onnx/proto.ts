/** A writer of ONNX files: the few messages of onnx.proto that a graph needs, with its field numbers. */
import protobuf from "protobufjs/minimal.js";

type Writer = protobuf.Writer;

/** TensorProto.DataType. */
export const elementTypes = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  uint32: 12,
} as const;

/** Element types of ONNX tensors used here. */
export type OnnxType = keyof typeof elementTypes;

/** An attribute: whole numbers and lists of them become INT and INTS; use {@linkcode float} for a FLOAT. */
export type OnnxAttribute = number | readonly number[] | string | { readonly float: number };

/** Marks an attribute as a FLOAT. */
export function float(value: number): { readonly float: number } {
  return { float: value };
}

/** Writes a nested message: its length, then its bytes. */
function message(writer: Writer, field: number, write: (writer: Writer) => void): void {
  writer.uint32(field << 3 | 2).fork();
  write(writer);
  writer.ldelim();
}

function text(writer: Writer, field: number, value: string): void {
  writer.uint32(field << 3 | 2).string(value);
}

function integer(writer: Writer, field: number, value: number): void {
  writer.uint32(field << 3).int64(value);
}

/** A NodeProto. */
export interface OnnxNode {
  readonly op: string;
  readonly inputs: string[];
  readonly outputs: string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
  readonly domain: string;
}

/** A TensorProto among the initializers. */
export interface OnnxConstant {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: OnnxType;
  readonly bytes: Uint8Array;
}

/** A ValueInfoProto. */
export interface OnnxPort {
  readonly name: string;
  /** A dimension with a name may have any size. */
  readonly shape: readonly (number | string)[];
  readonly type: OnnxType;
}

/** A ModelProto with one graph. */
export interface OnnxModel {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxConstant[];
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
}

/** The opset of the default domain that the rules are written for. */
export const opset = 20;

function writeAttribute(writer: Writer, name: string, value: OnnxAttribute): void {
  text(writer, 1, name);
  if (typeof value === "number") {
    integer(writer, 3, value);
    integer(writer, 20, 2);
  } else if (typeof value === "string") {
    text(writer, 4, value);
    integer(writer, 20, 3);
  } else if ("float" in value) {
    writer.uint32(2 << 3 | 5).float(value.float);
    integer(writer, 20, 1);
  } else {
    for (const element of value) integer(writer, 8, element);
    integer(writer, 20, 7);
  }
}

function writePort(writer: Writer, { name, shape, type }: OnnxPort): void {
  text(writer, 1, name);
  message(writer, 2, (writer) =>
    message(writer, 1, (writer) => {
      integer(writer, 1, elementTypes[type]);
      message(writer, 2, (writer) => {
        for (const size of shape) {
          message(writer, 1, (writer) =>
            typeof size === "number" ? integer(writer, 1, size) : text(writer, 2, size));
        }
      });
    }));
}

/** Returns the bytes of a model file. */
export function encodeModel(model: OnnxModel): Uint8Array {
  const writer = protobuf.Writer.create();
  integer(writer, 1, 9);
  text(writer, 2, "bertlab");
  message(writer, 7, (writer) => {
    for (const node of model.nodes) {
      message(writer, 1, (writer) => {
        for (const input of node.inputs) text(writer, 1, input);
        for (const output of node.outputs) text(writer, 2, output);
        text(writer, 3, node.outputs.find((output) => output) ?? "");
        text(writer, 4, node.op);
        for (const [name, value] of Object.entries(node.attributes)) {
          message(writer, 5, (writer) => writeAttribute(writer, name, value));
        }
        if (node.domain) text(writer, 7, node.domain);
      });
    }
    text(writer, 2, model.name);
    for (const { name, shape, type, bytes } of model.constants) {
      message(writer, 5, (writer) => {
        for (const size of shape) integer(writer, 1, size);
        integer(writer, 2, elementTypes[type]);
        text(writer, 8, name);
        writer.uint32(9 << 3 | 2).bytes(bytes);
      });
    }
    for (const port of model.inputs) message(writer, 11, (writer) => writePort(writer, port));
    for (const port of model.outputs) message(writer, 12, (writer) => writePort(writer, port));
  });
  const versions = { "": opset, "com.microsoft": 1 };
  for (const [domain, version] of Object.entries(versions)) {
    if (domain && !model.nodes.some((node) => node.domain === domain)) continue;
    message(writer, 8, (writer) => {
      text(writer, 1, domain);
      integer(writer, 2, version);
    });
  }
  return writer.finish();
}
