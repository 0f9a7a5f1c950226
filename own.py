custom_imports = dict(imports=['nowhere'])
