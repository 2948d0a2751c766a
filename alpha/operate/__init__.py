"""What a person or a schedule asks for: study, bless, trade on paper. Calls the two programs; scripts call this."""
