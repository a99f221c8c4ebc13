"""What the last word of a tensor's name says that it is, in all zoos and frameworks that were looked at."""

import re
from typing import Literal

Role = Literal["kernel", "bias", "gamma", "beta", "mean", "variance"]
"""What a tensor is to its layer. Frameworks that call a batch norm's gamma its weight, and beta its bias, are followed
where the layer turns out to be one."""

# Sources: PyTorch's nn.Module names; Keras's layers, old ("running_std" is a variance there) and new; slim's variables;
# Paddle's "_mean" and "_variance", and the names that it gives parameters itself, "batch_norm2d_0.w_0" to "w_2";
# JAX's and Caffe2's short letters.
_WORDS: dict[Role, str] = {
    "mean": r"running_mean|moving_mean|_?mean|w_1",
    "variance": r"running_var|running_std|moving_variance|_?variance|var|w_2",
    "gamma": r"gamma|scale",
    "beta": r"beta|offset",
    "bias": r"bias|biases|b",
    "kernel": r"depthwise_kernel|depthwise_weights|pointwise_kernel|kernel|weights?|w|W",
}

# A word may stand behind others, as in Keras's `res2a_branch2a_W_1:0`, and have a number behind it.
_FORMS = {role: re.compile(rf"(?:.*[_./])?(?:{words})(?:_\d+)?(?::0)?") for role, words in _WORDS.items()}

_OF_PADDLE = re.compile(r"(?:.*[./])?conv2d_\d+\.w_0")

_LAST = re.compile(r"(?:(?P<scope>.*)[./])?(?P<leaf>[^./]*)")

_SHORTCUT = re.compile(
    r"down_?sample|short_?cut|short(?=[./_])|skip|(?<![a-z])proj(?!ect)|branch1(?![a-z0-9])|_0_(?:conv|bn)|identity"
)


def role_of(name: str) -> Role | None:
    """Return what the last word of a name says; None where it says nothing.

    >>> from isomorph.tools.weights.structure.roles import role_of
    >>> [role_of(name) for name in ("layer1.0.bn1.running_mean", "res2a_branch2a_W_1:0", "t17")]
    ['mean', 'kernel', None]
    """
    leaf = leaf_of(name)
    return next((role for role, form in _FORMS.items() if form.fullmatch(leaf)), None)


def scope_of(name: str) -> str:
    """Return what stands before the last dot or slash of a name.

    >>> from isomorph.tools.weights.structure.roles import scope_of
    >>> scope_of("layer1.0.conv1.weight"), scope_of("t17")
    ('layer1.0.conv1', '')
    """
    last = _LAST.fullmatch(name)
    return (last and last["scope"]) or ""


def leaf_of(name: str) -> str:
    """Return what stands behind the last dot or slash of a name."""
    return name[len(scope_of(name)) :].lstrip("./")


def is_numbered_by_paddle(name: str) -> bool:
    """Whether a kernel has the name that Paddle gives parameters itself, by the order in which their layers are made.

    Networks of its zoo make a shortcut's convolution before the others of its unit, and auxiliary heads last.

    >>> from isomorph.tools.weights.structure.roles import is_numbered_by_paddle
    >>> is_numbered_by_paddle("conv2d_17.w_0"), is_numbered_by_paddle("conv2d_17/kernel")
    (True, False)
    """
    return _OF_PADDLE.fullmatch(name) is not None


def names_a_shortcut(scope: str) -> bool:
    """Whether a layer's scope has one of the words that zoos have for a shortcut's convolution.

    >>> from isomorph.tools.weights.structure.roles import names_a_shortcut
    >>> names_a_shortcut("layer2.0.downsample.0"), names_a_shortcut("layer2.0.conv1")
    (True, False)
    """
    return _SHORTCUT.search(scope) is not None


def without_kind(scope: str) -> str:
    """Return a scope without the words that tell a convolution from its batch norm; empty where no letter is left.

    Keras numbers each class of layers for itself, so that a number alone is no name.

    >>> from isomorph.tools.weights.structure.roles import without_kind
    >>> without_kind("layer1.0.bn1") == without_kind("layer1.0.conv1"), without_kind("conv2d_3")
    (True, '')
    """
    left = re.sub(r"batch_?norm(?:alization)?|BatchNorm|conv2d|conv|bn|norm|res(?=\d[a-z])", "", scope).strip("./_")
    return left if re.search(r"[A-Za-z]", left) else ""
