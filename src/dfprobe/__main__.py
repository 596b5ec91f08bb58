"""``python -m dfprobe``, as the workflow's rules call it."""

from dfprobe.cli import main

raise SystemExit(main())
