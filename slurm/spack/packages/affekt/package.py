"""Spack's recipe for affekt: `spack repo add slurm/spack`, then `spack dev-build affekt@main` in the
checkout."""

from spack.package import *


class Affekt(CMakePackage):
    """Distributed trainer of a Gaussian-mixture VAE over symbolic music, and its generator."""

    maintainers = []
    license("MIT")

    version("main")

    depends_on("c", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("mpi@3:")
    depends_on("hdf5@1.10:+mpi")
    depends_on("blis@0.9: threads=openmp")
    depends_on("netlib-scalapack@2.2:")
    depends_on("inih")
    depends_on("jansson")
    depends_on("libarchive")
    depends_on("cairo")
    depends_on("xxhash")
    depends_on("random123", type="build")

    def cmake_args(self):
        return [self.define("AFFEKT_TESTS", False)]
