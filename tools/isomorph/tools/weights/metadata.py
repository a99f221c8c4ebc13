"""Read the architecture in a file's metadata, which may be hostile."""

import json

from isomorph.spec import Architecture, BadInput, plan
from isomorph.spec.document import from_document
from isomorph.spec.validation import check_fields


def read_architecture(text: str) -> Architecture:
    """Return the architecture in `text`, the JSON of `isomorph.spec.document.to_document`.

    Raises BadInput unless every field has its type and is in its range.
    """
    try:
        network = from_document(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadInput(f"its text is not the JSON of an architecture ({type(error).__name__}: {error}).") from None
    check_fields(network, "its architecture")
    plan(network)
    return network
