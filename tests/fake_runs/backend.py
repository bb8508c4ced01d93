"""In place of musicgen.networks.backend: there is no framework to set up."""


def use_device(name: str = "auto") -> str:
    return name
