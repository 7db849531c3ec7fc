"""A page for each file of figures in ``benchmarks/results``, made when the documentation is built."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"


def _write_pages(app):
    folder = Path(app.srcdir) / "generated" / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    pages = {}
    for source in sorted(RESULTS.glob("*.md")):
        # A file whose run is not finished yet may begin without a title.
        text = source.read_text()
        if not text.startswith("# "):
            text = f"# {source.stem.replace('_', ' ').capitalize()}\n\n{text}"
        pages[source.name] = (
            f"{text.rstrip()}\n\n---\n\nMade from `benchmarks/results/{source.name}` as it stands there.\n"
        )
    for old in folder.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        page = folder / name
        if not page.exists() or page.read_text() != text:
            page.write_text(text)


def setup(app):
    app.connect("builder-inited", _write_pages)
    return {"parallel_read_safe": True}
