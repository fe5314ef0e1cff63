"""The program model: abstract objects, the events on them, and structured control flow."""
