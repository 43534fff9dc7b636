/** Reverse-mode differentiation: reads the tape backwards and traces the gradients into the same graph. */
import { printShape } from "./dims.ts";
import { shapeError, type Tensor } from "./graph.ts";
import { add, expectShape } from "./ops/raw.ts";

/** Gradients of `loss` (a float32 of shape []) by each of `targets`, in their order and of their shapes. */
export function gradients(loss: Tensor, targets: readonly Tensor[]): readonly Tensor[] {
  const { graph } = loss;
  if (loss.dtype !== "float32" || loss.shape.length !== 0) {
    throw shapeError("gradients", "a float32 loss of shape []", `${loss.dtype} ${printShape(loss.shape)}`);
  }
  // Forwards: which values depend on a target at all.
  const active = new Set(targets.map((target) => target.name));
  const steps = graph.tape.filter(({ output, inputs }) => {
    const depends = inputs.some((input) => active.has(input.name));
    if (depends) active.add(output.name);
    return depends;
  });
  const known = new Map<string, Tensor>([[loss.name, graph.scalar(1)]]);
  for (let at = steps.length - 1; at >= 0; at--) {
    const { output, inputs, backward } = steps[at]!;
    const gradient = known.get(output.name);
    if (!gradient) continue;
    const parts = backward(gradient);
    inputs.forEach((input, i) => {
      const part = parts[i];
      if (!part || !active.has(input.name)) return;
      expectShape("gradient", part, input.shape);
      const before = known.get(input.name);
      known.set(input.name, before ? add(before, part) : part);
    });
  }
  return targets.map((target) => {
    const gradient = known.get(target.name);
    if (!gradient) throw shapeError("gradients", "a loss that depends on every target", `"${target.name}"`);
    return gradient;
  });
}
