PYTHON := .venv/bin/python

.PHONY: migration
migration: ## write revision 0001 anew from the models (only while nothing is released)
	$(PYTHON) -m migrations.regenerate
