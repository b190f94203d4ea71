/**
 * Turns ONNX Runtime's telemetry off: else its native library, which Deno's permissions do not bind, asks for a host of
 * its maker's and keeps ids and events in `~/.cache/Microsoft`. It reads the variable when it starts, so this file is
 * imported before it.
 */
import process from "node:process";

process.env.ORT_DISABLE_TELEMETRY = "1";
