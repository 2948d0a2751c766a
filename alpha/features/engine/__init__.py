"""The engine of features: a plan compiles expressions to one program, which runs in a batch or bar by bar."""
