/**
 * Part of `deno task ok`: everything that mod.ts exports is documented, and every type in it is exported too. tfjs's
 * Tensor is the one type of another package that the public interface speaks of.
 */
const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
  args: ["doc", "--quiet", "--lint", "mod.ts"],
  env: { NO_COLOR: "1" },
}).output();
const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
const findings = text.split(/^(?=error\[)/m).filter((part) => part.startsWith("error["));
const kept = findings.filter((finding) =>
  !/^error\[private-type-ref\]: .* private type 'Tensor'$/m.test(finding)
);
for (const finding of kept) console.error(finding.trim());
console.error(`documentation of mod.ts: ${kept.length} findings`);
if (kept.length > 0) Deno.exit(1);
