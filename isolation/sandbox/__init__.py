"""The sandbox around a process that looks at untrusted bytes; `docs/sandbox.md` describes it.

confinement   what one kind of worker may do
system_paths  what every worker has to read
files         Landlock: reading, writing, TCP, signals
calls         seccomp: system calls that are refused
resources     resource limits and capabilities
rules         applies them all, and says which are missing
"""
