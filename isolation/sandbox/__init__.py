"""The walls around a process that looks at untrusted bytes; `docs/sandbox.md` is their plan.

confinement   what one kind of worker may do
places        what every worker has to read
files         Landlock: reading, writing, TCP, signals
calls         seccomp: what the kernel is never asked for
limits        resource limits and capabilities
walls         builds them all, and says which are missing
"""
