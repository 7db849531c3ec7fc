"""After a build, every link from one page to another is followed: what is not there is a warning."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.util import logging

logger = logging.getLogger(__name__)


class _Page(HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.add(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def _broken_links(folder: Path) -> list[str]:
    """One line for each link that leads nowhere; links to other sites are not followed."""
    paths = (path for path in sorted(folder.rglob("*.html")) if "_static" not in path.parts)
    pages = {path: _Page(path.read_text()) for path in paths}
    broken = []
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            anchor = unquote(parts.fragment)
            if not target.exists():
                broken.append(f"{path.relative_to(folder)}: {link} is no file")
            elif anchor and target in pages and anchor not in pages[target].anchors:
                broken.append(f"{path.relative_to(folder)}: {link} is no anchor")
    return broken


def _check(app, exception):
    if exception is None and app.builder.name == "html":
        for line in _broken_links(Path(app.outdir).resolve()):
            logger.warning("broken link in %s", line, type="links")


def setup(app):
    app.connect("build-finished", _check)
    return {"parallel_read_safe": True}
