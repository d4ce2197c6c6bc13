// Line icons, 24 by 24, drawn for this viewer.
const ICONS = {
  play: '<path d="M8 5.5v13l10.5-6.5z" fill="currentColor"/>',
  pause: '<path d="M7.5 5.5v13M16.5 5.5v13" stroke-width="3"/>',
  previous: '<path d="M15.5 6.5 9 12l6.5 5.5z" fill="currentColor"/><path d="M6.5 6.5v11"/>',
  next: '<path d="M8.5 6.5 15 12l-6.5 5.5z" fill="currentColor"/><path d="M17.5 6.5v11"/>',
  loop: '<path d="M17 3.5 20 6.5l-3 3M4 11.5v-1a4 4 0 0 1 4-4h12M7 20.5l-3-3 3-3M20 12.5v1a4 4 0 0 1-4 4H4"/>',
  split: '<rect x="3.5" y="5" width="7" height="14" rx="1.5"/><rect x="13.5" y="5" width="7" height="14" rx="1.5"/>',
  overlay: '<rect x="4" y="4" width="11.5" height="11.5" rx="1.5"/><path d="M18.5 9v9.5a1 1 0 0 1-1 1H8.5"/>',
  follow: '<circle cx="12" cy="12" r="3"/><path d="M12 3.5V7M12 17v3.5M3.5 12H7M17 12h3.5"/>',
  ghosts: '<circle cx="15.5" cy="6" r="2.2"/><path d="M15.5 8.5v6l2 5M15.5 14.5l-2 5"/><path d="M9.5 5.5v14M5 7.5v10" opacity=".55"/>',
  trails: '<path d="M4 18.5c7 1.5 3-6 8.5-6s2-7 7.5-7" stroke-dasharray="3.2 2.6"/><circle cx="20" cy="5.5" r="1.3" fill="currentColor"/>',
  contacts: '<path d="M8 13.500c-2-2.500-2.500-7 0-9 2.300-1.500 4 1 3.500 4s-1 4-.8 5zM8 13.500v3.500h3.200v-3.500M14.500 17.500h5"/><path d="M3.500 20.500h17"/>',
  skeleton: '<circle cx="12" cy="4.500" r="1.800"/><path d="M12 6.500v7.500M6.500 9.500 12 8l5.500 1.500M8.500 20.500 12 14l3.500 6.500"/>',
  download: '<path d="M12 4v10.500M7.500 10.500 12 15l4.500-4.500M5 19.500h14"/>',
  angle: '<path d="m12 3.5 7.5 4.250v8.5L12 20.5l-7.5-4.250v-8.5zM4.5 7.750 12 12l7.5-4.250M12 12v8.5"/>',
  reset: '<path d="M4 9V4.5h4.5M20 9V4.5h-4.5M4 15v4.5h4.5M20 15v4.5h-4.5"/>',
  theme: '<circle cx="12" cy="12" r="8"/><path d="M12 4a8 8 0 0 0 0 16z" fill="currentColor"/>',
  help: '<circle cx="12" cy="12" r="8.5"/><path d="M9.6 9.5a2.4 2.4 0 1 1 3.5 2.1c-.8.420-1.1.9-1.1 1.9M12 16.6v.1"/>',
} as const;

export type Icon = keyof typeof ICONS;

export function icon(name: Icon): string {
  return (
    '<svg viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" stroke-width="1.7" ' +
    `stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">${ICONS[name]}</svg>`
  );
}
