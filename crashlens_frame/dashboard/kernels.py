"""How many pages are open together: each has a kernel, which is a process of 200 MB."""

from typing import Any
from uuid import uuid4

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import HTTPError
from traitlets import Int


class FewKernels(AsyncMappingKernelManager):
    """The kernels of a limited number of pages, those included that are just being opened."""

    most_kernels = Int(8, config=True, help="Number of pages that are open together.")

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._opening: set[str] = set()

    async def start_kernel(self, **options: Any) -> str:  # type: ignore[override]  # as its parent does
        """Start the kernel of a page and return its id; a page too many is refused."""
        if len(self._opening.union(self.list_kernel_ids())) >= self.most_kernels:
            raise HTTPError(503, "too many pages are open; close one")
        kernel_id = str(uuid4())
        self._opening.add(kernel_id)
        try:
            await super().start_kernel(kernel_id=kernel_id, **options)
        finally:
            self._opening.discard(kernel_id)
        return kernel_id
