#!/usr/bin/env python3
"""Writes src/tables/ from a table of Linux's system call numbers.

Usage: generate-tables.py SYSCALLS.CSV OUTPUT_FOLDER

SYSCALLS.CSV has a name in the first column and a number, or PNR for "none",
in the column of each architecture; the first line names the columns and the
kernel. Such a file is `src/syscalls.csv` of libseccomp, which its maintainers
make from the tables of the kernel (arch/*/**/syscall*.tbl, scripts/syscall.tbl).

The tables in the tree: libseccomp v2.6.1, Linux v7.1-rc4 (2026-05-21),
taken on 2026-11-25.
"""

import csv
import sys
import textwrap
from pathlib import Path

# Column of the table -> what the kernel adds to the numbers of that ABI.
BASES = {
    "x86": 0,
    "x86_64": 0,
    "x32": 0x40000000,
    "arm": 0,
    "aarch64": 0,
    "mips": 4000,
    "mips64": 5000,
    "mips64n32": 6000,
    "ppc": 0,
    "ppc64": 0,
    "s390": 0,
    "s390x": 0,
    "parisc": 0,
    "parisc64": 0,
    "riscv64": 0,
    "loongarch64": 0,
    "m68k": 0,
    "sh": 0,
}


def main(source: Path, output: Path) -> None:
    with source.open(newline="") as file:
        rows = list(csv.reader(file))
    header, rows = rows[0], rows[1:]
    kernel = "Linux " + header[0].removeprefix("#syscall").strip(" ()")
    rows.sort(key=lambda row: row[0].encode())
    names = [row[0] for row in rows]
    if len(set(names)) != len(names):
        sys.exit("a name appears twice")

    output.mkdir(parents=True, exist_ok=True)
    written = [f'"{name}"' for name in names]
    write(output / "names.rs", kernel, "The names of all system calls, sorted.", "NAMES", "&str", written)
    for arch, base in BASES.items():
        column = header.index(arch)
        numbers = [number(row[column], base) for row in rows]
        doc = f"The numbers of {arch}, in the order of `NAMES`; -1 where it has none."
        write(output / f"{arch}.rs", kernel, doc, arch.upper(), "i32", numbers)

    modules = "".join(f"mod {name};\n" for name in sorted([*BASES, "names"]))
    uses = "".join(f"pub(crate) use {name}::{name.upper()};\n" for name in sorted([*BASES, "names"]))
    text = f"""\
//! The numbers of Linux's system calls, one table per ABI, from {kernel}.
//!
//! Written by generate-tables.py, which names the source; do not edit.

{modules}
{uses}
/// How many names there are, and so the length of each table.
pub(crate) const LEN: usize = {len(names)};
"""
    (output / "mod.rs").write_text(text)


def number(cell: str, base: int) -> str:
    return "-1" if cell == "PNR" else str(int(cell) + base)


def write(path: Path, kernel: str, doc: str, name: str, kind: str, items: list[str]) -> None:
    lines = textwrap.wrap(", ".join(items) + ",", 96, break_long_words=False, break_on_hyphens=False)
    # A constant, because another one is computed from it.
    storage = "const" if name == "NAMES" else "static"
    body = "\n".join("    " + line for line in lines)
    path.write_text(
        f"//! {doc}\n//!\n//! Written by generate-tables.py from {kernel}; do not edit.\n\n"
        f"use super::LEN;\n\n#[rustfmt::skip]\n"
        f"pub(crate) {storage} {name}: [{kind}; LEN] = [\n{body}\n];\n"
    )


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
