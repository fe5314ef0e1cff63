"""The mutation benchmark: each rule's misuse, injected into right programs wherever it applies."""
