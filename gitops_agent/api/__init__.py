"""The API: custom resources as models, reasons, conditions and generated CRDs."""
