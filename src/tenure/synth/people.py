"""Names for customers: plausible for the region, drawn independently of everything else."""

from dataclasses import dataclass

import numpy as np

from tenure.synth.columns import Ints
from tenure.synth.plan import BankPlan, Stream, generator
from tenure.synth.population import Traits

# No name holds a comma, a quote or a line end: a clean file needs no quoting.
_MEN = (
    "Omar Ali Khaled Yousef Tarek Faisal Salem Hassan Bader Amr Jassim Ahmed Mohamed Mahmoud Ibrahim Karim Mostafa "
    "Sherif Hany Walid Ziad Nabil Rashid Sultan Majid Hamad Fahad Saud Turki Nasser Abdullah Abdulrahman Mishal "
    "Talal Nawaf Saad Adel Waleed Hisham Ihab Sami Bilal Anas Idris Hamza Yasin Imran Rami Fadi Marwan Ayman Osama "
    "Wael Hazem Essam Magdy Ashraf Ramy Khalifa Mansour Rayan Daniel José Zoltán André Arjun Rahul Vikram"
)
_WOMEN = (
    "Sara Noura Mona Reem Hala Dina Latifa Maryam Nadia Fatima Aisha Khadija Zainab Layla Salma Yasmin Heba Rania "
    "Amira Nour Hanan Huda Iman Samira Wafa Abeer Ghada Lina Rana Dalia Farah Jana Lama Maha Mariam Nada Rasha "
    "Shaima Sumaya Thuraya Wijdan Amal Asma Basma Bushra Dana Eman Fajr Ghalia Hind Joud Kawthar Lulwa Moza Najla "
    "Raghad Sheikha Suad Zahra Zoë Chloé Anaïs Priya Anjali Deepa"
)
_FAMILIES = (
    "Khalil,Hassan,Mahmoud,Adel,Nasser,Fathy,Hamad,Alharbi,Samir,Ibrahim,Alotaibi,Mostafa,Alsabah,Althani,Gamal,Saleh,"
    "Alkhalifa,Almutairi,Said,Alnoaimi,Alqahtani,Alghamdi,Alshehri,Aldosari,Alzahrani,Almansoori,Alnuaimi,Alshamsi,"
    "Almazrouei,Alketbi,Alblooshi,Alsuwaidi,Alfalasi,Alrashidi,Alazmi,Alajmi,Alenezi,Alshammari,Alfadhli,Alkandari,"
    "Alkuwari,Almarri,Alsulaiti,Alhajri,Alnaimi,Alemadi,Aldoy,Alaali,Buhazza,Fakhro,Kanoo,Almoayyed,El Sayed,"
    "El Masry,El Sharkawy,Abdel Aziz,Abdel Rahman,Abou Zeid,Abou El Fotouh,Farouk,Fouad,Ghanem,Hamdy,Helmy,Kamel,"
    "Khattab,Lotfy,Mansour,Metwally,Morsi,Naguib,Ramadan,Rizk,Sabry,Salama,Shaheen,Shalaby,Shawky,Soliman,Taha,"
    "Tawfik,Wahba,Youssef,Zaki,Zidan,Haddad,Khoury,Nassar,Darwish,Qasim,Rahman,Siddiqui,Sharma,Nair,Menon,Fernández,"
    "Müller,O’Neill,Santos,Reyes"
)
FIRST_NAMES = (*_MEN.split(), *_WOMEN.split())
LAST_NAMES = tuple(_FAMILIES.split(","))


@dataclass(frozen=True)
class People:
    """First and last name of every customer, as indices into `FIRST_NAMES` and `LAST_NAMES`."""

    first: Ints
    last: Ints


def draw_people(plan: BankPlan, traits: Traits) -> People:
    """Names for all customers; common ones are more common."""
    rng = generator(plan.seed, Stream.POPULATION, part=1)
    rank = rng.beta(1.0, 1.8, (2, traits.size))
    men, women = len(_MEN.split()), len(_WOMEN.split())
    count, offset = np.where(traits.female, women, men), men * traits.female
    first = offset + np.floor(rank[0] * count)
    return People(first.astype(np.int64), (rank[1] * len(LAST_NAMES)).astype(np.int64))
