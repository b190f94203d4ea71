/**
 * The Python wheels that hold TensorFlow, pinned, and for its GPU build the newest libraries of CUDA 12 that satisfy its
 * extra `and-cuda`. Of TensorFlow's own wheels two files are needed. They are made for a version of Python, though these
 * files have nothing of it.
 */
import type { Wheel } from "../../storage/wheels.ts";

/** The name of a set of wheels that can be installed. */
export type LibrarySet = "cpu" | "cuda12";

const tensorflow = {
  version: "2.21.0",
  folder: "tensorflow",
  python: "3.12",
  keep: ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"],
} as const;

const nvidia = (name: string, version: string, megabytes: number, sha256: string): Wheel => ({
  ...{ name: `nvidia-${name}-cu12`, version, sha256, folder: "nvidia", megabytes },
});

/** The wheels of each set; TensorFlow comes last. */
export const wheels: Readonly<Record<LibrarySet, readonly Wheel[]>> = {
  cpu: [{
    ...tensorflow,
    name: "tensorflow-cpu",
    megabytes: 274,
    sha256: "dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb",
  }],
  cuda12: [
    nvidia("cublas", "12.9.3.13", 581, "d7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72"),
    nvidia("cuda-cupti", "12.9.79", 11, "096bcf334f13e1984ba36685ad4c1d6347db214de03dbb6eebb237b41d9d934f"),
    nvidia("cuda-nvcc", "12.9.86", 41, "5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0"),
    nvidia("cuda-nvrtc", "12.9.86", 90, "210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4"),
    nvidia("cuda-runtime", "12.9.79", 3, "25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3"),
    nvidia("cudnn", "9.28.0.42", 717, "9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375"),
    nvidia("cufft", "11.4.1.4", 201, "c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28"),
    nvidia("curand", "10.3.10.19", 68, "49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e"),
    nvidia("cusolver", "11.7.5.82", 338, "15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88"),
    nvidia("cusparse", "12.5.10.65", 366, "73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78"),
    nvidia("nccl", "2.32.3", 352, "bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c"),
    nvidia("nvjitlink", "12.9.86", 40, "e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9"),
    {
      ...tensorflow,
      name: "tensorflow",
      megabytes: 573,
      sha256: "b3b95643c4e70eb925839938fb35cbe142f317ec84af6844ee61513713bb13c0",
    },
  ],
};
