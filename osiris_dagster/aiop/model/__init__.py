"""The package as frozen data. A field that is not declared here cannot be exported: this is the allow-list.

Every class is a kind of node: `id` becomes `@id`, KINDS become `@type`, each other field the term of its name. JSON
Schema and JSON-LD context are generated from the types of the fields. Empty text, empty lists and None leave no key.
"""
