"""An application with OpenTelemetry alone. The variables of its exporter say where its spans go."""

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
tracer = trace.get_tracer("shop", tracer_provider=provider)
with tracer.start_as_current_span("GET /answer", kind=trace.SpanKind.SERVER):
    with tracer.start_as_current_span("query", attributes={"input.value": '{"q": "x"}', "output.value": '"y"'}) as span:
        span.record_exception(ValueError("tried twice"))
provider.shutdown()
