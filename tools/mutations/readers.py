"""isomorph's reader and a format's own, each in its process, with the sound files that are broken for them."""

import tempfile
from pathlib import Path

from mutations import campaign, seeds
from mutations.formats import FORMATS
from mutations.process import Reader


class Readers:
    """Both sides, for all formats that one framework reads; `close` ends their processes."""

    def __init__(self, own: str) -> None:
        """Have the framework write its sound files.

        own: the module of its reader. RuntimeError where it writes none.
        """
        self._ours, self._own = Reader("mutations.ours"), Reader(own)
        try:
            with tempfile.TemporaryDirectory() as folder:
                seeds.save(Path(folder))
                self._own.save(Path(folder))
                self._sound = {
                    form: seeds.load(Path(folder) / form, (FORMATS[form].suffix,))
                    for form in FORMATS
                    if FORMATS[form].own == own
                }
        except BaseException:
            self.close()
            raise

    def sound(self, form: str) -> dict[str, seeds.Seed]:
        """The sound files of a format, by name."""
        return self._sound[form]

    def read(
        self, form: str, numbers: range, how: str, progress: campaign.Progress = lambda _: None
    ) -> campaign.Result:
        """What comes of a format's broken files of these numbers; `progress` is told of it on the way."""
        return campaign.run(form, self._sound[form], numbers, how, self._ours, self._own, progress)

    def close(self) -> None:
        """End both processes."""
        self._ours.close()
        self._own.close()
