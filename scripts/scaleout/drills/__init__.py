"""The drills: things are broken on purpose, under load, and what clients see is checked.

One drill a module. `drill` holds what they share: the stack, the load, the checks; `timeline`
watches. scripts/drill.sh is the way in, docs/drills.md says what each one shows.
"""
