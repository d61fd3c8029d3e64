"""A short Markdown table of a fusegrad_gpu_bench JSON: what was reached, beside the bar. Usage: table.py JSON"""
import json
import sys


def rows(benchmarks):
    for b in benchmarks:
        name = b["name"].split("/iterations:")[0]
        if "us_per_op" in b:
            time = "%.2f us, of which a bare launch is %.2f" % (b["us_per_op"], b["launch_us"])
            yield name, time, "bar %.0f us" % b["bar_us"], b["us_per_op"] < b["bar_us"]
            continue
        reached = b.get("ratio", b.get("of_copy"))
        of = "of the library" if "ratio" in b else "of the copy"
        yield name, "%.4f ms" % b["ms"], "%.3f %s" % (reached, of), reached >= b["bar"]


def main():
    with open(sys.argv[1]) as file:
        table = list(rows(json.load(file)["benchmarks"]))
    print("| | time | reached | at the bar |\n|---|---|---|---|")
    for name, time, reached, good in table:
        print("| %s | %s | %s | %s |" % (name, time, reached, "yes" if good else "**no**"))
    print("\n%d of %d at their bars" % (sum(good for *_, good in table), len(table)))


if __name__ == "__main__":
    main()
