"""Instructions: the published schema, dialogues, and tasks made of papers and pairs."""
