"""The Spack recipe against CMakeLists.txt: every library that the build asks for is a dependency,
every argument is an option there, and the least version of CMake is the same.

usage: spack_recipe.py SOURCE_DIR
Spack itself is in neither Debian nor PyPI; the recipe is run with a stand-in for spack.package.
"""
import re
import sys
import types

# What CMakeLists.txt calls a library, and Spack's package of it; None: comes with the compiler.
PACKAGES = {
    "PkgConfig": "pkgconfig", "MPI": "mpi", "OpenMP": None, "Threads": None, "HDF5": "hdf5",
    "INIH": "inih", "JANSSON": "jansson", "ARCHIVE": "libarchive", "CAIRO": "cairo", "XXHASH": "xxhash",
    "RANDOM123": "random123", "BLIS": "blis", "SCALAPACK": "netlib-scalapack",
}


def run_recipe(path):
    """The recipe's class and the specs of its dependencies."""
    found = []
    package = types.ModuleType("spack.package")

    class CMakePackage:
        def define(self, name, value):
            return name, value

    package.CMakePackage = CMakePackage
    package.depends_on = lambda spec, **_: found.append(spec)
    package.version = package.license = lambda *_, **__: None
    sys.modules["spack"] = types.ModuleType("spack")
    sys.modules["spack.package"] = package
    scope = {}
    with open(path, encoding="utf-8") as file:
        exec(compile(file.read(), path, "exec"), scope)
    return scope["Affekt"], found


def wanted(text):
    """The libraries without which CMake ends."""
    names = re.findall(r"^find_package\((\w+) REQUIRED", text, re.M)
    names += re.findall(r"^pkg_(?:check|search)_modules?\((\w+) REQUIRED", text, re.M)
    names += re.findall(r"^find_(?:path|library)\((\w+?)_\w+ .*REQUIRED", text, re.M)
    return set(names)


def main(root):
    failures = []
    with open(f"{root}/CMakeLists.txt", encoding="utf-8") as file:
        text = file.read()
    recipe, specs = run_recipe(f"{root}/slurm/spack/packages/affekt/package.py")
    names = {re.match(r"[\w-]+", spec)[0] for spec in specs}
    libraries = wanted(text)
    if len(libraries) < 8:
        failures.append(f"found only {sorted(libraries)} in CMakeLists.txt")
    for library in sorted(libraries):
        if library not in PACKAGES:
            failures.append(f"CMakeLists.txt asks for {library}, which PACKAGES does not know")
        elif PACKAGES[library] and PACKAGES[library] not in names:
            failures.append(f"the recipe lacks {PACKAGES[library]}")
    for name in sorted(names - set(PACKAGES.values()) - {"c", "cmake"}):
        failures.append(f"the recipe depends on {name}, which the build does not ask for")
    least = re.search(r"cmake_minimum_required\(VERSION ([\d.]+)\)", text)[1]
    if f"cmake@{least}:" not in specs:
        failures.append(f"the recipe does not ask for cmake@{least}:")
    if not any(spec.startswith("hdf5") and "+mpi" in spec for spec in specs):
        failures.append("the recipe does not ask for a parallel HDF5")
    for name, _ in recipe().cmake_args():
        if f"option({name} " not in text:
            failures.append(f"CMakeLists.txt has no option {name}")
    print("\n".join(failures) or "all passed")
    return bool(failures)


sys.exit(main(sys.argv[1]))
