"""The operations behind the commands: study, bless, trade on paper, verify. Scripts call them; they print nothing."""
