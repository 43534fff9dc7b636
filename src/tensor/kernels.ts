/**
 * The WebAssembly kernels (src/tensor/assembly) as functions over a memory that the caller lays out.
 *
 * The binary is built into build/ beside src/ and dist/, so the same relative address holds for the sources and for the
 * compiled package. Each `instantiate` has its own memory, which goes away with it.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { UpnextError } from "../core/index.ts";
import { KERNELS, type KernelFunctions } from "./kernel-functions.ts";

/** The part of the WebAssembly API in use: it is a global of Node, whose types declare it no more than ES2023 does. */
interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Readonly<Record<string, unknown>> };
  readonly Memory: new (...args: never) => Memory;
};

const PAGE = 65_536;
/** Everything starts on a cache line. */
const ALIGN = 64;

/** One instance of the module: its functions and a memory that only grows. */
export class Kernels {
  readonly call: KernelFunctions;
  private readonly memory: Memory;
  private used = PAGE;

  /** @param room bytes that `reserve` will give without detaching views */
  constructor(room = 0) {
    const { exports } = new WebAssembly.Instance(compiled());
    const { memory } = exports;
    if (
      !(memory instanceof WebAssembly.Memory) ||
      KERNELS.some((name) => typeof exports[name] !== "function")
    ) {
      throw new UpnextError(
        "internal",
        `kernels.wasm: expected a memory and ${KERNELS.join(", ")}, came ${Object.keys(exports).join(", ")}; ${CURE}`,
      );
    }
    this.memory = memory;
    this.call = exports as unknown as KernelFunctions; // checked above
    this.widen(PAGE + room);
  }

  /** Reserves `bytes`, zeroed, and returns their address. Views made before are detached when the memory grows. */
  reserve(bytes: number): number {
    const address = this.used;
    const end = Math.ceil((address + bytes) / ALIGN) * ALIGN;
    this.widen(end);
    this.used = end;
    return address;
  }

  /** Makes the memory at least so many bytes long. */
  private widen(bytes: number): void {
    const missing = bytes - this.memory.buffer.byteLength;
    if (missing <= 0) return;
    try {
      this.memory.grow(Math.ceil(missing / PAGE));
    } catch (cause) {
      throw new UpnextError(
        "internal",
        `kernels: expected room for ${bytes} bytes of WebAssembly memory (at most 4 GiB), which could not be had; train on fewer interactions or with fewer factors`,
        { cause },
      );
    }
  }

  /** Copies an array in and returns its address. */
  put(data: Float32Array | Int32Array): number {
    const address = this.reserve(data.byteLength);
    if (data instanceof Float32Array) this.floats(address, data.length).set(data);
    else this.ints(address, data.length).set(data);
    return address;
  }

  /** A view, valid until the next `reserve`. */
  floats(address: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, address, length);
  }

  /** A view, valid until the next `reserve`. */
  doubles(address: number, length: number): Float64Array {
    return new Float64Array(this.memory.buffer, address, length);
  }

  /** A view, valid until the next `reserve`. */
  bytes(address: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, address, length);
  }

  /** A view, valid until the next `reserve`. */
  shorts(address: number, length: number): Int16Array {
    return new Int16Array(this.memory.buffer, address, length);
  }

  /** A view, valid until the next `reserve`. */
  ints(address: number, length: number): Int32Array {
    return new Int32Array(this.memory.buffer, address, length);
  }
}

const CURE = "run `node scripts/build-kernels.mjs`";
let module: object | undefined;

function compiled(): object {
  if (module) return module;
  const path = fileURLToPath(new URL("../../build/kernels.wasm", import.meta.url));
  try {
    module = new WebAssembly.Module(readFileSync(path));
  } catch (cause) {
    throw new UpnextError(
      "internal",
      `kernels: expected the compiled WebAssembly kernels at ${path}; ${CURE}`,
      {
        cause,
      },
    );
  }
  return module;
}
