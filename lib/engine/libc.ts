/** Functions of the C library that native code needs around it. */

/** Constants of dlfcn.h: the first is the same on every system, the other is glibc's. */
const RTLD_LAZY = 1, RTLD_DEEPBIND = 8;

const symbols = {
  dlopen: { parameters: ["buffer", "i32"], result: "pointer" },
  setenv: { parameters: ["buffer", "buffer", "i32"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  dup: { parameters: ["i32"], result: "i32" },
  dup2: { parameters: ["i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

function functions(): Deno.DynamicLibrary<typeof symbols>["symbols"] {
  const names = Deno.build.os === "darwin" ? ["libSystem.dylib"] : ["libc.so.6", "libdl.so.2"];
  for (const name of names.slice(0, -1)) {
    try {
      return Deno.dlopen(name, symbols).symbols;
    } catch {
      // an older glibc has dlopen in the next one
    }
  }
  return Deno.dlopen(names.at(-1)!, symbols).symbols;
}

const text = (value: string) => new TextEncoder().encode(`${value}\0`);

/** Opens a library once more, as Deno unloads it when the process ends and its threads would then crash. */
export function keepLoaded(path: string): void {
  functions().dlopen(text(path), RTLD_LAZY);
}

/**
 * Opens a library before Deno does, and keeps it loaded, so that it calls its own functions where another library has some
 * of the same name.
 */
export function loadApart(path: string): void {
  functions().dlopen(text(path), RTLD_LAZY | RTLD_DEEPBIND);
}

/**
 * Sets a variable of the environment for native code, unless it is set: Deno keeps what a task may not read from native
 * code, too.
 */
export function setForNativeCode(name: string, value: string): void {
  functions().setenv(text(name), text(value), 0);
}

/** Runs a function while nothing reaches standard error, where a library writes a log that cannot be turned off. */
export function withoutLog<T>(run: () => T): T {
  const { open, dup, dup2, close } = functions();
  const [writeOnly, standardError] = [1, 2];
  const before = dup(standardError), nowhere = open(text("/dev/null"), writeOnly);
  dup2(nowhere, standardError);
  try {
    return run();
  } finally {
    dup2(before, standardError);
    close(before);
    close(nowhere);
  }
}
