# SPDX-License-Identifier: MIT
"""What the end-to-end tests share: QEMU, its monitor, the client, pictures, and ends in time."""
