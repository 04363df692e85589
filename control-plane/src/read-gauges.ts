import { Gauge, type Registry } from 'prom-client'

/** Makes gauges without labels that are read when they are asked for. */
export function readGauges(registers: Registry[]): (name: string, help: string, read: () => number) => void {
  return (name, help, read) => {
    new Gauge({
      registers,
      name,
      help,
      collect() {
        this.set(read())
      },
    })
  }
}
