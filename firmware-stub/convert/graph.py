"""An ONNX graph run by numpy, in double precision: what the graph means, without its rounding.

The operators are those of OPERATORS, as opset 13 defines them; docs/convert.md lists them. A graph with another one
is refused by the names of operator and node before anything runs.
"""

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from erf import erf

OPSET = 13
BATCH = 64  # samples that are in memory at once
NODES_MOST = 20000
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)
WHOLE = {TensorProto.INT64: np.int64, TensorProto.INT32: np.int32, TensorProto.INT8: np.int8,
         TensorProto.UINT8: np.uint8, TensorProto.BOOL: np.bool_}


class Refused(ValueError):
    """What a person has to change about the model."""


def array(tensor):
    """Every real number becomes a double."""
    if tensor.data_type not in FLOATS and tensor.data_type not in WHOLE:
        raise Refused("constant %s is of type %s" % (tensor.name, TensorProto.DataType.Name(tensor.data_type)))
    a = numpy_helper.to_array(tensor)
    return a.astype(float) if a.dtype.kind == "f" else a


def divide(a, b):
    if a.dtype.kind != "f":
        return (np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))).astype(a.dtype)
    return a / b


def cast(x, to):
    if to in FLOATS:
        return np.asarray(x, float)
    if to not in WHOLE:
        raise Refused("a cast to %s" % TensorProto.DataType.Name(to))
    return np.asarray(np.trunc(x) if np.asarray(x).dtype.kind == "f" and to != TensorProto.BOOL else x).astype(WHOLE[to])


def axes_of(axes):
    return None if axes is None or not len(axes) else tuple(int(a) for a in axes)


def reduce_mean(x, axes=None, keepdims=1):
    return x.mean(axes_of(axes), keepdims=bool(keepdims))


def reduce_max(x, axes=None, keepdims=1):
    return x.max(axes_of(axes), keepdims=bool(keepdims))


def reduce_sum(x, axes=None, keepdims=1, noop_with_empty_axes=0):
    if noop_with_empty_axes and axes_of(axes) is None:
        return x
    return x.sum(axes_of(axes), keepdims=bool(keepdims))


def arg_max(x, axis=0, keepdims=1, select_last_index=0):
    if select_last_index:
        raise Refused("select_last_index")
    found = x.argmax(axis)
    return np.expand_dims(found, axis) if keepdims else found


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def cum_sum(x, axis, exclusive=0, reverse=0):
    if exclusive or reverse:
        raise Refused("exclusive or reverse")
    return np.cumsum(x, int(axis), dtype=x.dtype)


def gemm(a, b, c=None, alpha=1.0, beta=1.0, transA=0, transB=0):  # noqa: N803
    product = alpha * ((a.T if transA else a) @ (b.T if transB else b))
    return product if c is None else product + beta * c


def reshape(x, shape, allowzero=0):
    if allowzero:
        raise Refused("allowzero")
    return x.reshape([x.shape[i] if n == 0 else int(n) for i, n in enumerate(shape)])


def cut(x, starts, ends, axes=None, steps=None):
    where = [slice(None)] * x.ndim
    axes = range(len(starts)) if axes is None else axes
    for i, axis in enumerate(axes):
        step = 1 if steps is None else int(steps[i])
        if step < 1:
            raise Refused("a step backwards")
        where[int(axis)] = slice(int(starts[i]), int(ends[i]), step)
    return x[tuple(where)]


def transpose(x, perm=None):
    return x.transpose(perm)


def unsqueeze(x, axes):
    dims = x.ndim + len(axes)
    for axis in sorted(int(a) % dims for a in axes):
        x = np.expand_dims(x, axis)
    return x


def squeeze(x, axes=None):
    return x.squeeze(axes_of(axes))


def dequantize(x, scale, zero=None, axis=1):
    shape = [1] * x.ndim
    if np.ndim(scale):
        shape[axis] = -1
    scale = np.reshape(scale, shape)
    zero = 0 if zero is None else np.reshape(zero, shape).astype(np.int64)
    return (x.astype(np.int64) - zero) * scale


# What follows the inputs are the attributes, by the names of the specification.
OPERATORS = {
    "Add": lambda a, b: a + b, "And": np.logical_and, "ArgMax": arg_max, "Cast": cast,
    "Concat": lambda *x, axis: np.concatenate(x, axis), "Constant": lambda value: value, "CumSum": cum_sum,
    "DequantizeLinear": dequantize, "Div": divide, "Equal": np.equal, "Erf": erf, "Exp": np.exp, "Floor": np.floor,
    "Gather": lambda x, at, axis=0: np.take(x, at, axis), "Gemm": gemm, "Greater": np.greater,
    "Identity": lambda x: x, "Less": np.less, "MatMul": np.matmul, "Mul": lambda a, b: a * b, "Neg": np.negative,
    "Not": np.logical_not, "Or": np.logical_or, "Pow": lambda a, b: a ** b, "ReduceMax": reduce_max,
    "ReduceMean": reduce_mean, "ReduceSum": reduce_sum, "Reshape": reshape,
    "Shape": lambda x: np.array(x.shape, np.int64), "Slice": cut, "Softmax": softmax, "Sqrt": np.sqrt,
    "Squeeze": squeeze, "Sub": lambda a, b: a - b, "Transpose": transpose, "Unsqueeze": unsqueeze,
    "Where": np.where,
}


def attributes(node):
    out = {}
    for a in node.attribute:
        value = onnx.helper.get_attribute_value(a)
        out[a.name] = array(value) if isinstance(value, TensorProto) else value
    return out


def title(node):
    return "%s of node %s" % (node.op_type, node.name or "that makes " + node.output[0])


def shape_of(value):
    return [d.dim_value if d.HasField("dim_value") else None for d in value.type.tensor_type.shape.dim]


class Graph:
    """A graph with one input of samples and one output of logits, and its constants by name."""

    def __init__(self, data):
        try:
            model = onnx.load_from_string(data)
            onnx.checker.check_model(model)
        except Exception as error:  # protobuf and checker have a family each
            raise Refused("no valid ONNX model: %s" % str(error).splitlines()[0]) from None
        self.metadata = {p.key: p.value for p in model.metadata_props}
        self.nodes = list(model.graph.node)
        self.constants = {t.name: array(t) for t in model.graph.initializer}
        self.stored_as = {}  # initialiser: what the graph makes of it before it computes
        self.check_operators(model)
        inputs = [v for v in model.graph.input if v.name not in self.constants]
        if len(inputs) != 1 or len(model.graph.output) != 1:
            raise Refused("%d inputs and %d outputs; one of each: the samples, the logits"
                          % (len(inputs), len(model.graph.output)))
        self.input, self.output = inputs[0].name, model.graph.output[0].name
        self.input_shape, self.output_shape = shape_of(inputs[0]), shape_of(model.graph.output[0])
        self.fold()

    def check_operators(self, model):
        versions = [o.version for o in model.opset_import if o.domain in ("", "ai.onnx")]
        if versions != [OPSET]:
            raise Refused("opset %s; export with opset_version=%d" % (", ".join(map(str, versions)), OPSET))
        if len(self.nodes) > NODES_MOST:
            raise Refused("%d nodes; at most %d" % (len(self.nodes), NODES_MOST))
        unknown = [title(n) for n in self.nodes
                   if n.op_type not in OPERATORS or n.domain not in ("", "ai.onnx") or len(n.output) != 1]
        if unknown:
            raise Refused("operators that are not supported: %s%s" % (
                "; ".join(unknown[:8]), " and %d more" % (len(unknown) - 8) if len(unknown) > 8 else ""))

    def compute(self, node, values):
        inputs = [values[name] if name else None for name in node.input]
        try:
            with np.errstate(all="ignore"):
                return OPERATORS[node.op_type](*inputs, **attributes(node))
        except (ValueError, TypeError, IndexError, KeyError) as error:
            shapes = ["none" if x is None else str(list(np.shape(x))) for x in inputs]
            raise Refused("%s: %s (inputs %s)" % (title(node), error, ", ".join(shapes))) from None

    def fold(self):
        """What hangs on no input is computed once, so that weights are found behind casts and scales."""
        left = []
        for node in self.nodes:
            if all(not name or name in self.constants for name in node.input):
                self.constants[node.output[0]] = self.compute(node, self.constants)
                if node.op_type in ("Cast", "DequantizeLinear", "Identity"):
                    self.stored_as[node.input[0]] = node.output[0]
            else:
                left.append(node)
        self.nodes = left

    def weight(self, name):
        """A constant by name, as the graph computes with it: behind the cast or the scales of its storage. Or None."""
        while name in self.stored_as:
            name = self.stored_as[name]
        return self.constants.get(name)

    def run(self, inputs):
        """Logits [N, C] of inputs as the graph takes them: reals [N, T, P] or ids [N, T]."""
        batch, outputs = self.input_shape[0] or BATCH, []
        for at in range(0, len(inputs), batch):
            some = inputs[at:at + batch]
            if self.input_shape[0]:  # a graph of fixed batches gets the last sample again
                some = np.concatenate([some, np.repeat(some[-1:], batch - len(some), 0)])
            values = {**self.constants, self.input: some}
            for node in self.nodes:
                values[node.output[0]] = self.compute(node, values)
            if self.output not in values:
                raise Refused("nothing makes the output %s" % self.output)
            outputs.append(values[self.output])
        return np.concatenate(outputs)[:len(inputs)]
