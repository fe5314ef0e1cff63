"""Names of torch's tensors: functions that make them, methods that only they have, those that they lack."""

from __future__ import annotations

_FUNCTIONS = """
    arange as_tensor bernoulli cat complex concat empty empty_like eye from_numpy full full_like hstack linspace
    logspace multinomial normal ones ones_like polar rand rand_like randint randint_like randn randn_like randperm
    scalar_tensor stack tensor tril_indices triu_indices vstack zeros zeros_like
"""
MATHEMATICS = frozenset(
    """
    abs add argmax argmin argsort bmm cat chunk clamp concat cos cumsum diag div dot einsum eq exp flatten gather
    hstack index_select interpolate inverse isnan log log_softmax logsumexp masked_select matmul max mean min mm mul
    nonzero norm outer permute pow relu reshape roll round sigmoid sign sin softmax sort split sqrt squeeze stack std
    sub sum tanh topk transpose tril triu unique unsqueeze var vstack where
    """.split()
)
"""Functions of `torch` that take tensors only and, mostly, give one."""
MADE_BY_TORCH = frozenset(f"torch.{name}" for name in _FUNCTIONS.split()) | {
    "torch.autograd.Variable",
    "torch.nn.utils.rnn.pad_sequence",
    "torch.nn.utils.rnn.pack_padded_sequence",
    "torch.nn.utils.rnn.pack_sequence",
    "torchvision.utils.make_grid",
}
OF_TENSORS = frozenset(
    """
    abs add_ argmax argmin argsort backward bernoulli_ bmm chunk clamp cumsum dim eq exp expand expand_as fill_ flatten
    gather index_select isnan item le log logsumexp long lt masked_fill masked_fill_ matmul max mean min mm mul
    mul_ narrow ndimension ne new_zeros nonzero norm normal_ numel numpy permute pow repeat reshape resize_ scatter_
    sigmoid sign size softmax sort split sqrt squeeze squeeze_ std sum t tanh tolist topk transpose unfold uniform_
    unsqueeze unsqueeze_ var view view_as zero_
    """.split()
)
"""Methods of tensors that neither modules nor the usual containers of tensors have."""
OF_OTHERS = frozenset(
    """
    append apply children compute eval extend extra_repr forward get get_field has items keys load_state_dict modules
    named_parameters parameters pop register_buffer reset state_dict step to_dict train update values zero_grad
    """.split()
)
"""Methods that tensors lack."""
TENSOR_ATTRIBUTES = frozenset(
    """
    T H data device dtype grad grad_fn is_cuda is_leaf itemsize layout mT mH nbytes ndim real imag requires_grad shape
    """.split()
)
"""Attributes of tensors."""
