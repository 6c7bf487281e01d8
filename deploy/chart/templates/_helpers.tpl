{{- define "gitops-agent.image" -}}
{{ .Values.image.repository }}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end -}}
{{- define "gitops-agent.config" -}}
gitops-agent-config-{{ toYaml .Values.config | sha256sum | trunc 10 }}
{{- end -}}
