"""What users write and read: our custom resources as models, the reasons, the conditions and the CRDs made from them."""
