"""The numerical engine: solutions, Hessians and derivatives of inner problems."""
