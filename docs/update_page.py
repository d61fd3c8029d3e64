"""The parts of a page that a program writes: between `<!-- NAME -->` and `<!-- end of NAME -->`, on lines of their own."""


def replace_section(path, name, text):
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    with open(path, encoding="utf-8") as file:
        page = file.read()
    head, found, rest = page.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{path} has no section {name!r}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(head + begin + "\n" + text.strip("\n") + "\n\n" + end + tail)
