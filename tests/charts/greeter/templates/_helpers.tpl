{{- define "greeter.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "greeter.selector" -}}
app: {{ .Release.Name }}
{{- end }}

{{/* A hook that runs a shell command to its end, as a Pod or as a Job. Takes root, hook, name, weight, policy and command. */}}
{{- define "greeter.hook" -}}
{{- $kind := .root.Values.hookKind -}}
apiVersion: {{ eq $kind "Job" | ternary "batch/v1" "v1" }}
kind: {{ $kind }}
metadata:
  name: {{ .root.Release.Name }}-{{ .name }}
  labels: {{- include "greeter.labels" .root | nindent 4 }}
  annotations:
    helm.sh/hook: {{ .hook }}
    helm.sh/hook-weight: {{ .weight | quote }}
    helm.sh/hook-delete-policy: {{ .policy }}
spec:
{{- if eq $kind "Job" }}
  backoffLimit: 0
  template:
    spec: {{- include "greeter.command" . | nindent 6 }}
{{- else }}
{{ include "greeter.command" . | indent 2 }}
{{- end }}
{{- end }}

{{- define "greeter.command" -}}
restartPolicy: Never
terminationGracePeriodSeconds: 1
containers:
  - name: main
    image: busybox:1.36
    command: [sh, -c, {{ .command | quote }}]
{{- end }}
