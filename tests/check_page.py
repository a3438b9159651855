"""A report's page: well-formed as HTML and as XML, complete in itself, described for those who cannot
see it.

usage: check_page.py PAGE [TEXT...]    every TEXT must be among the page's words, as a reader sees them
"""
import re
import sys
import xml.etree.ElementTree as tree
from html.parser import HTMLParser

KNOWN = set("""html head meta title style body main h1 h2 h3 p section div span strong small dl dt dd
details summary pre ul li table caption thead tbody tr th td figure figcaption footer svg desc path rect
text""".split())
ATTRIBUTES = set("""lang charset name content http-equiv class id scope style viewBox role aria-labelledby
aria-hidden d x y width height transform stroke-width stroke-opacity fill-opacity font-weight""".split())
VOID = {"meta"}


class Nesting(HTMLParser):
    """Elements as a browser's parser sees them: all closed in turn."""

    def __init__(self):
        super().__init__()
        self.open, self.words, self.faults = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        if tag not in VOID and "svg" not in self.open:
            self.faults.append(f"<{tag}/> does not close itself in HTML")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()} closes nothing")

    def handle_data(self, data):
        self.words.append(data)


def check(page):
    nesting = Nesting()
    nesting.feed(page)
    nesting.close()
    faults = nesting.faults + [f"<{tag}> is left open" for tag in nesting.open]
    try:
        root = tree.fromstring(page)
    except tree.ParseError as error:
        return faults + [str(error)], ""
    identifiers = [e.get("id") for e in root.iter() if e.get("id")]
    if len(identifiers) != len(set(identifiers)):
        faults.append("an identifier is used twice")
    for element in root.iter():
        if element.tag not in KNOWN:
            faults.append(f"an element <{element.tag}>")
        faults += [f"an attribute {a}" for a in element.attrib if a not in ATTRIBUTES]
        if element.tag == "figure" and not element.findtext("figcaption"):
            faults.append("a figure without a caption")
        if element.tag == "table" and not element.findtext("caption"):
            faults.append("a table without a caption")
        if element.tag == "svg" and element.get("aria-hidden") != "true":
            names = element.get("aria-labelledby", "").split()
            if len(names) != 2 or not all(n in identifiers for n in names) or not all(
                    element.findtext(t) for t in ("title", "desc")):
                faults.append("a picture without title and description")
    if re.search(r"url\(|@import|https?:", page):
        faults.append("something from elsewhere")
    return faults, "".join(root.itertext())


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        faults, words = check(file.read())
    faults += [f"no text {text!r}" for text in sys.argv[2:] if text not in words]
    for fault in faults:
        print(fault)
    sys.exit(bool(faults))


main()
