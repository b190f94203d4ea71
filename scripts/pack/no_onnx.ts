/** The place of ONNX Runtime in a pack, which has no native library of its own: the engine onnx says so. */
import { InputError } from "../../lib/errors.ts";

/** A tensor of ONNX Runtime, which is not there. */
export class Tensor {
  constructor() {
    refuse();
  }
}

/** A session of ONNX Runtime, which is not there. */
export class InferenceSession {
  /** @throws InputError always. */
  static create(): never {
    return refuse();
  }
}

function refuse(): never {
  throw new InputError("Cannot use the engine onnx, which a pack does not have: give --engine xla");
}
