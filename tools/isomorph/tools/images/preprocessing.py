"""`--preprocess`: find a preprocessing by name, and describe one in words."""

from isomorph.spec import BadInput, Preprocessing, architecture, architectures, zoos
from isomorph.spec.errors import did_you_mean
from isomorph.spec.preprocessing import NORMALISATIONS
from isomorph.spec.zoo import Zoo
from isomorph.tools.images.images import shorter_side


def find_preprocessing(name: str, default: Preprocessing) -> Preprocessing:
    """Return the preprocessing of an architecture or of all of a zoo's, or `default` with another normalisation.

    >>> from isomorph.spec import architecture
    >>> from isomorph.tools.images.preprocessing import describe, find_preprocessing
    >>> default = architecture("cifar/resnet20").convention.preprocessing
    >>> describe(find_preprocessing("keras/ResNet50", default))
    'stretched to 224x224, nearest; BGR, mean 103.939 116.779 123.68, std 1'
    >>> describe(find_preprocessing("tf", default))
    'shorter side to 32, bilinear, 32x32 from the middle; RGB, mean 127.5, std 127.5'

    name: "keras/ResNet50"; "timm"; or one of NORMALISATIONS, which leaves the geometry as it is.
    Raises BadInput for a zoo whose networks have different preprocessings, and for an unknown name.
    """
    if name in NORMALISATIONS:
        return default.normalised(name)
    if name in zoos():
        return _of_all(zoos()[name])
    if name in architectures():
        return architecture(name).convention.preprocessing
    expected = f"one of {', '.join(NORMALISATIONS)}, a zoo or an architecture is expected."
    hint = did_you_mean(name, (*NORMALISATIONS, *zoos(), *architectures()), expected)
    raise BadInput(f"There is no preprocessing {name!r}; {hint}")


def _of_all(zoo: Zoo) -> Preprocessing:
    """Return the preprocessing that all networks of a zoo share. Raises BadInput where they do not."""
    first_with: dict[Preprocessing, str] = {}
    for network in zoo.networks.values():
        first_with.setdefault(network.convention.preprocessing, network.name)
    if len(first_with) > 1:
        *others, last = first_with.values()
        raise BadInput(f"{zoo.name} preprocesses differently for {', '.join(others)} and {last}; name the network.")
    (shared,) = first_with
    return shared


def describe(rule: Preprocessing, size: tuple[int, int] | None = None) -> str:
    """Describe in words how a photograph is prepared, at `size` (height, width) or the preprocessing's own."""
    height, width = size or rule.size
    scaled = rule.interpolation if rule.resampler == "pillow" else f"{rule.interpolation} as {rule.resampler} has it"
    if rule.fit == "stretch":
        geometry = f"stretched to {height}x{width}, {scaled}"
    else:
        shorter = shorter_side(rule, (height, width))
        geometry = f"shorter side to {shorter}, {scaled}, {height}x{width} from the middle"
    if rule.central_fraction < 1:
        geometry = f"middle {rule.central_fraction:g} of both sides, {geometry}"
    return f"{geometry}; {rule.channels}, mean {_numbers(rule.mean)}, std {_numbers(rule.std)}"


def _numbers(values: tuple[float, ...]) -> str:
    """Return the values as text; one number where all are the same."""
    return " ".join(f"{value:g}" for value in (values[:1] if len(set(values)) == 1 else values))
