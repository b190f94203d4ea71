/**
 * The Python wheels that hold plugins, pinned. Versions: jax-cuda13-pjrt's own, and the newest libraries of CUDA 13
 * that satisfy the extra `with-cuda` of jax-cuda13-plugin; cuDNN 9.26.1.1 is the newest one tried that works with the
 * plugin's compiler.
 */

import type { Wheel } from "../../storage/wheels.ts";

/** A wheel of a plugin or of a library that it needs. */
export interface PluginWheel extends Wheel {
  /** True if compiling for a GPU that is not there needs it. */
  readonly compiles?: boolean;
}

/** The name of a set of wheels that can be installed. */
export type PluginSet = "cpu" | "cuda13";

const nvidia = (name: string, version: string, megabytes: number, sha256: string): PluginWheel => ({
  ...{ name: `nvidia-${name}`, version, sha256, folder: "nvidia", megabytes },
  ...["cuda-nvcc", "nvvm"].includes(name) ? { compiles: true } : {},
});

/** The wheels of each set; the one that holds the plugin comes last. */
export const wheels: Readonly<Record<PluginSet, readonly PluginWheel[]>> = {
  cpu: [{
    name: "lammps-jax-pjrt-cpu",
    version: "0.11.2",
    sha256: "1319390d948b39f69f7dade496b7c385149d9ca6097a6b62114da113216d9ad1",
    folder: "lammps_jax_pjrt_cpu",
    megabytes: 63,
  }],
  cuda13: [
    nvidia("cuda-nvcc", "13.5.37", 47, "f5c4f7ead5d964fb4af42bbf1e6d3ec3c1e6e9d83b53749f691d387e7fcaa3a7"),
    nvidia("nvvm", "13.5.37", 75, "c41bfa362e407405163f103c2229f0765f8cc2ed7d148b754dc77f228bf7e070"),
    nvidia("cublas", "13.10.0.20", 444, "dcc6d63884c53d07e267ce7e6feac17b2538cebaafec5db865736c3e28e4dc84"),
    nvidia("cuda-cupti", "13.5.25", 13, "9dcca41c12a734192b14e7128ae116bc9ce1b9da686e2ebf48ae7a4415f76650"),
    nvidia("cuda-nvrtc", "13.5.37", 58, "86b4d68058807988b7d9af5b44917a0601e9c337f35ccd657bfb3c759ff8d8bc"),
    nvidia("cuda-runtime", "13.5.37", 3, "df2b79a8852f10d1fef8c848489c49eebb5754051bf870202a862831412b179d"),
    nvidia("cudnn-cu13", "9.26.1.1", 519, "c709224270fbfb5c51248422b468dc258461a723a8d5a21f50111614b36b8c53"),
    nvidia("cufft", "12.5.0.14", 165, "b8be26837a5abad2b5b74f3e92dd29f622a42934b355be0961a48712cbba23ad"),
    nvidia("cusolver", "12.4.1.2", 260, "b3b8e02fd2f2df869369af075dc3a179d43f6f7b85e94632a7dce556697be044"),
    nvidia("cusparse", "12.9.4.2", 230, "072667e58c851a318738f5527a12eb225cbf058803f2ea451c722d8cf8edddec"),
    nvidia("nccl-cu13", "2.32.3", 305, "1459723080ac889d73a26edfa3e04383a7928ab31ac8f0ec43b3ea9548b04ff3"),
    nvidia("nvjitlink", "13.5.37", 47, "280d7cb9649704145f074b8dbde500de04ce02d0872e066e20a83c17bcaa93eb"),
    nvidia("nvshmem-cu13", "3.8.0", 182, "81a4d1f666543e6d34df6d2ff940c7da1435e34e186aab6f3c2b48861b64ef38"),
    {
      name: "jax-cuda13-pjrt",
      version: "0.12.0.1",
      sha256: "5899bb6177eda86ea532afb9a26794f2bdd04966f6a01f9028266b16c2b6cf90",
      folder: "jax_plugins",
      megabytes: 135,
      compiles: true,
    },
  ],
};
